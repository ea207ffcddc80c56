//! The build script: gives the Windows programs their icon, version and manifest; elsewhere it does
//! nothing.
//! Сценарий сборки: даёт программам для Windows значок, сведения о версии и манифест; для других
//! систем не делает ничего.

#[path = "src/faces/window/iconpixels.rs"]
mod iconpixels;

use std::io::Result;
use std::path::Path;

use iconpixels::icon_pixels;
use winresource::WindowsResource;

/// Sides of the pictures in the icon: lists, the taskbar, the desktop, large previews.
const SIDES: [u32; 6] = [16, 24, 32, 48, 64, 256];

/// Names of the systems the programs know how to behave on, and what they ask of Windows: paths
/// longer than 260 letters, controls of today's look in the system's dialogs.
const MANIFEST: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <dependency>
    <dependentAssembly>
      <assemblyIdentity type="win32" name="Microsoft.Windows.Common-Controls" version="6.0.0.0"
        processorArchitecture="*" publicKeyToken="6595b64144ccf1df" language="*"/>
    </dependentAssembly>
  </dependency>
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
    </windowsSettings>
  </application>
</assembly>
"#;

/// Начало: для Windows — значок и сведения, для остальных — ничего.
fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/faces/window/iconpixels.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default() != "windows" {
        return Ok(());
    }
    let folder = std::env::var("OUT_DIR").unwrap_or_default();
    let icon = Path::new(&folder).join("supertext.ico");
    std::fs::write(&icon, icon_file())?;
    let mut resource = WindowsResource::new();
    resource.set_icon(&icon.display().to_string());
    resource.set("ProductName", "Supertext");
    // Под этим именем программу показывает диспетчер задач.
    resource.set("FileDescription", "Supertext");
    resource.set("LegalCopyright", "MIT OR Apache-2.0");
    resource.set_manifest(MANIFEST);
    resource.compile()
}

/// Файл значка: заголовок, таблица картинок, картинки (BMP без сжатия, 32 бита на точку).
fn icon_file() -> Vec<u8> {
    let mut table: Vec<u8> = vec![0, 0, 1, 0, SIDES.len() as u8, 0];
    let mut pictures: Vec<u8> = Vec::new();
    let begin = 6 + 16 * SIDES.len();
    for side in SIDES {
        let picture = picture(side);
        // Сторону 256 таблица пишет нулём.
        table.extend_from_slice(&[side as u8, side as u8, 0, 0, 1, 0, 32, 0]);
        table.extend_from_slice(&(picture.len() as u32).to_le_bytes());
        table.extend_from_slice(&((begin + pictures.len()) as u32).to_le_bytes());
        pictures.extend_from_slice(&picture);
    }
    table.extend_from_slice(&pictures);
    table
}

/// Одна картинка: заголовок, строки снизу вверх (синий, зелёный, красный, непрозрачность), пустая
/// маска.
fn picture(side: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for field in [40, side, side * 2, 1 | 32 << 16, 0, side * side * 4, 0, 0, 0, 0] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    let pixels = icon_pixels(side as i32);
    for row in pixels.chunks(side as usize * 4).rev() {
        for point in row.chunks(4) {
            bytes.extend_from_slice(&[point[2], point[1], point[0], point[3]]);
        }
    }
    // Строка маски — бит на точку, дополнена до четырёх байт.
    let row = side.div_ceil(32) * 4;
    bytes.resize(bytes.len() + (row * side) as usize, 0);
    bytes
}
